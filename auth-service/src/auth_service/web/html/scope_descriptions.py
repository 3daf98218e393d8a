"""Descriptions of scopes for users, in the order in which pages list them."""

SCOPE_DESCRIPTIONS = {
    "openid": "Know who you are (an identifier, no name)",
    "profile": "See your name",
    "email": "See your email address",
    "profile:read": "See your profile and shipping address",
    "profile:write": "Change your profile and shipping address",
    "orders:read": "See your orders",
    "orders:write": "Place and cancel orders for you",
    "users:read": "See the profiles of all users",
    "admin": "Administer accounts, sessions and keys",
}
