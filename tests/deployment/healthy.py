"""``python -m tests.deployment.healthy PORT CA``: whether the SuperLink answers."""

import ssl
import sys
import urllib.request

context = ssl.create_default_context(cafile=sys.argv[2])
url = f"https://127.0.0.1:{sys.argv[1]}/health"
try:
    with urllib.request.urlopen(url, timeout=5, context=context) as answer:
        sys.exit(answer.status != 200)
except OSError:
    sys.exit(1)
