// openid-client logs somebody in, refreshes, asks about the tokens, and logs out. One switch: http is allowed.
import * as client from 'openid-client'
import { end, hear, key, open, refused, say } from './conversation.mjs'

const { issuer, redirect_uri, introspector } = await hear()
const options = { execute: [client.allowInsecureRequests] }
const program = await client.discovery(new URL(issuer), 'cli', undefined, client.None(), options)

const verifier = client.randomPKCECodeVerifier()
const nonce = client.randomNonce()
const state = client.randomState()
const address = client.buildAuthorizationUrl(program, {
  redirect_uri,
  scope: 'openid profile email orders:read',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  nonce,
  state,
})
const arrived = await open(address)
const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true, maxAge: 300 }
const tokens = await client.authorizationCodeGrant(program, arrived, checks)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(program, tokens.access_token, claims.sub)

const refreshed = await client.refreshTokenGrant(program, tokens.refresh_token)

const method = client.PrivateKeyJwt(await key(introspector))
const asker = await client.discovery(new URL(issuer), 'introspector', undefined, method, options)
const before = await client.tokenIntrospection(asker, refreshed.access_token)
await client.tokenRevocation(program, refreshed.refresh_token)
const after = await client.tokenIntrospection(asker, refreshed.access_token)

say({
  server: program.serverMetadata(),
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
  spent: await refused(() => client.authorizationCodeGrant(program, arrived, checks)),
  revoked: await refused(() => client.refreshTokenGrant(program, refreshed.refresh_token)),
  log_out: client.buildEndSessionUrl(program, { id_token_hint: tokens.id_token, state: 'bye' }).toString(),
})
end()
