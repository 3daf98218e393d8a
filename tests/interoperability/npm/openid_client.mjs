// openid-client logs in, refreshes, introspects, revokes and logs out. One option: http is allowed.
import * as client from 'openid-client'
import { end, receive, key, open, errorOf, send } from './messages.mjs'

const { issuer, redirect_uri, introspector } = await receive()
const options = { execute: [client.allowInsecureRequests] }
const app = await client.discovery(new URL(issuer), 'cli', undefined, client.None(), options)

const verifier = client.randomPKCECodeVerifier()
const nonce = client.randomNonce()
const state = client.randomState()
const address = client.buildAuthorizationUrl(app, {
  redirect_uri,
  scope: 'openid profile email orders:read',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  nonce,
  state,
})
const arrived = await open(address)
const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true, maxAge: 300 }
const tokens = await client.authorizationCodeGrant(app, arrived, checks)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(app, tokens.access_token, claims.sub)

const refreshed = await client.refreshTokenGrant(app, tokens.refresh_token)

const method = client.PrivateKeyJwt(await key(introspector))
const introspectionClient = await client.discovery(new URL(issuer), 'introspector', undefined, method, options)
const before = await client.tokenIntrospection(introspectionClient, refreshed.access_token)
await client.tokenRevocation(app, refreshed.refresh_token)
const after = await client.tokenIntrospection(introspectionClient, refreshed.access_token)

send({
  server: app.serverMetadata(),
  arrived: Object.fromEntries(arrived.searchParams),
  claims,
  nonce,
  userinfo,
  token_type: tokens.token_type,
  expires_in: tokens.expiresIn(),
  rotated: refreshed.refresh_token !== tokens.refresh_token,
  refreshed: refreshed.claims() ?? null,
  before,
  after,
  spent: await errorOf(() => client.authorizationCodeGrant(app, arrived, checks)),
  revoked: await errorOf(() => client.refreshTokenGrant(app, refreshed.refresh_token)),
  log_out: client.buildEndSessionUrl(app, { id_token_hint: tokens.id_token, state: 'bye' }).toString(),
})
end()
