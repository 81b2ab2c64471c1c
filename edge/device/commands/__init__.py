"""Commands that reach a device over MQTT 5: request, whitelist, answer."""
