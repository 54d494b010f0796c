"""The sandbox's fixed credentials. They open nothing but a sandbox on loopback, so they may be known to all."""

from __future__ import annotations

STRIPE_API_KEY = "sk_test_customer_hub_sandbox"
STRIPE_ACCOUNT = "acct_1SandboxGoods"

ZENDESK_SUBDOMAIN = "sandbox-goods"
ZENDESK_URL = f"https://{ZENDESK_SUBDOMAIN}.zendesk.com"
ZENDESK_EMAIL = "ops@sandbox-goods.example"
ZENDESK_TOKEN = "sandbox-zendesk-token"

SHOPIFY_SHOP = "sandbox-goods"
SHOPIFY_ACCESS_TOKEN = "shpat_customer_hub_sandbox"

GOOGLE_ADS_CUSTOMER_ID = "1234567890"
GOOGLE_ADS_CLIENT_ID = "sandbox.apps.googleusercontent.com"
GOOGLE_ADS_CLIENT_SECRET = "sandbox-client-secret"
GOOGLE_ADS_DEVELOPER_TOKEN = "sandbox-developer-token"
GOOGLE_ADS_REFRESH_TOKEN = "1//sandbox-refresh-token"


def env() -> dict[str, str]:
    """The environment variables that hub.yaml's secrets name."""
    return {
        "STRIPE_API_KEY": STRIPE_API_KEY,
        "ZENDESK_TOKEN": ZENDESK_TOKEN,
        "SHOPIFY_ACCESS_TOKEN": SHOPIFY_ACCESS_TOKEN,
        "GOOGLE_ADS_DEVELOPER_TOKEN": GOOGLE_ADS_DEVELOPER_TOKEN,
        "GOOGLE_ADS_CLIENT_SECRET": GOOGLE_ADS_CLIENT_SECRET,
        "GOOGLE_ADS_REFRESH_TOKEN": GOOGLE_ADS_REFRESH_TOKEN,
    }
