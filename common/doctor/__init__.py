"""What ``fedstill doctor`` looks at on a site and on the server alike."""
