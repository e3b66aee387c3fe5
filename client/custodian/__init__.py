"""The custodian's door: requests over gRPC, and the relay's side of the same protocol.

It knows a site only as something that answers envelopes; neither torch nor Flower.
"""
