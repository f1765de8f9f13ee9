"""Asking a service: a call is a value, a method is a flow, and two small performers drive both faces."""
