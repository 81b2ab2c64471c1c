"""One module for each page: what it asks the store, and what its template gets."""
