// oauth4webapi, step by step: the library validates every answer.
import * as oauth from 'oauth4webapi'
import { end, receive, key, open, errorOf, send } from './messages.mjs'

const { issuer, redirect_uri, introspector } = await receive()
const insecure = { [oauth.allowInsecureRequests]: true }
const where = new URL(issuer)
const find = async (algorithm) =>
  oauth.processDiscoveryResponse(where, await oauth.discoveryRequest(where, { ...insecure, algorithm }))
const server = await find('oidc')
const app = { client_id: 'cli' }

const verifier = oauth.generateRandomCodeVerifier()
const nonce = oauth.generateRandomNonce()
const state = oauth.generateRandomState()
const address = new URL(server.authorization_endpoint)
address.search = new URLSearchParams({
  client_id: 'cli',
  redirect_uri,
  response_type: 'code',
  scope: 'openid email profile:read orders:read',
  resource: 'orders-service',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  nonce,
  state,
})
const arrived = await open(address)
const answer = oauth.validateAuthResponse(server, app, arrived, state)
const elsewhere = { ...server, issuer: 'https://elsewhere.example' }
const mixed_up = await errorOf(async () => oauth.validateAuthResponse(elsewhere, app, arrived, state))
const redeem = () =>
  oauth.authorizationCodeGrantRequest(server, app, oauth.None(), answer, redirect_uri, verifier, insecure)
const read = async (response, expected) => oauth.processAuthorizationCodeResponse(server, app, response, expected)
const response = await redeem()
const tokens = await read(response, { expectedNonce: nonce, requireIdToken: true, maxAge: 300 })
const claims = oauth.getValidatedIdTokenClaims(tokens)
await oauth.validateApplicationLevelSignature(server, response, insecure)

const person = await oauth.processUserInfoResponse(
  server,
  app,
  claims.sub,
  await oauth.userInfoRequest(server, app, tokens.access_token, insecure),
)
const refresh = async (token) =>
  oauth.processRefreshTokenResponse(
    server,
    app,
    await oauth.refreshTokenGrantRequest(server, app, oauth.None(), token, insecure),
  )
const refreshed = await refresh(tokens.refresh_token)
// The library validates an access token as a resource server (RFC 9068).
const as_resource_server = await oauth.validateJwtAccessToken(
  server,
  new Request('http://127.0.0.1/orders', { headers: { authorization: `Bearer ${refreshed.access_token}` } }),
  'orders-service',
  insecure,
)
const id_token_as_access_token = await errorOf(() =>
  oauth.validateJwtAccessToken(
    server,
    new Request('http://127.0.0.1/orders', { headers: { authorization: `Bearer ${tokens.id_token}` } }),
    'cli',
    insecure,
  ),
)

const introspectionClient = { client_id: 'introspector' }
const proof = oauth.PrivateKeyJwt(await key(introspector))
const about = async (token) =>
  oauth.processIntrospectionResponse(
    server,
    introspectionClient,
    await oauth.introspectionRequest(server, introspectionClient, proof, token, insecure),
  )
const before = await about(refreshed.access_token)
const revoke = await oauth.revocationRequest(server, app, oauth.None(), refreshed.refresh_token, insecure)
await oauth.processRevocationResponse(revoke)

send({
  same: JSON.stringify(await find('oauth2')) === JSON.stringify(server),
  mixed_up,
  tokens: { token_type: tokens.token_type, scope: tokens.scope, expires_in: tokens.expires_in },
  claims,
  nonce,
  person,
  rotated: refreshed.refresh_token !== tokens.refresh_token,
  as_resource_server,
  id_token_as_access_token,
  before,
  after: await about(refreshed.access_token),
  spent: await errorOf(async () => read(await redeem())),
  revoked: await errorOf(() => refresh(refreshed.refresh_token)),
})
end()
