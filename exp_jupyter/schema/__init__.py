"""The API's objects as types, shared by client and server."""
