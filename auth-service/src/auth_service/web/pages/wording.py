"""What scopes mean to a person, in the order in which they are read out."""

SCOPES = {
    "openid": "Know who you are (an identifier, no name)",
    "profile": "See your name",
    "email": "See your e-mail address",
    "profile:read": "See your profile and shipping address",
    "profile:write": "Change your profile and shipping address",
    "orders:read": "See your orders",
    "orders:write": "Place and cancel orders for you",
    "users:read": "See the profiles of all users",
    "admin": "Administer accounts, sessions and keys",
}
