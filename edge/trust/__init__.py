"""Which models a device may run: signatures, the keys it trusts, and no way back to older versions.

See README.md here.
"""

from edge.trust.admission import Admission, admit
from edge.trust.store import Trust, TrustedKey

__all__ = ["Admission", "Trust", "TrustedKey", "admit"]
