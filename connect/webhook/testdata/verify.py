"""Verifies captured webhooks with the Standard Webhooks library of PyPI: a JSON list
of requests comes in, a list of verdicts by scheme goes out."""

import json
import sys

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError


def verdict(request):
    try:
        Webhook(request["secret"]).verify(request["body"], request["headers"])
        return {"v1": ""}
    except WebhookVerificationError as error:
        return {"v1": str(error) or "refused"}


json.dump([verdict(r) for r in json.load(sys.stdin)], sys.stdout)
