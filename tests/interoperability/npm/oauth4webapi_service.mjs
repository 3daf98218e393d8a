// oauth4webapi as a service: client credentials and token exchange, with private_key_jwt.
import * as oauth from 'oauth4webapi'
import { end, receive, key, errorOf, send } from './messages.mjs'

const { issuer, pem, subject_token } = await receive()
const insecure = { [oauth.allowInsecureRequests]: true }
const where = new URL(issuer)
const server = await oauth.processDiscoveryResponse(where, await oauth.discoveryRequest(where, insecure))
const service = { client_id: 'orders-service' }
const proof = oauth.PrivateKeyJwt(await key(pem))

const own = async (parameters) =>
  oauth.processClientCredentialsResponse(
    server,
    service,
    await oauth.clientCredentialsGrantRequest(server, service, proof, parameters, insecure),
  )
const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const exchange = async (parameters) => {
  const all = {
    subject_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...parameters,
  }
  const response = await oauth.genericTokenEndpointRequest(server, service, proof, grant, all, insecure)
  return oauth.processGenericTokenEndpointResponse(server, service, response)
}

let sent
const replayed = {
  ...insecure,
  [oauth.customFetch]: (url, request) => {
    sent ??= request.body.get('client_assertion')
    request.body.set('client_assertion', sent)
    return fetch(url, request)
  },
}
const replay = async () =>
  oauth.processClientCredentialsResponse(
    server,
    service,
    await oauth.clientCredentialsGrantRequest(server, service, proof, { audience: 'users-service' }, replayed),
  )
await replay()

send({
  own: await own({ audience: 'users-service', scope: 'users:read' }),
  exchanged: await exchange({ audience: 'users-service', scope: 'profile:read' }),
  wider: await errorOf(() => exchange({ audience: 'users-service', scope: 'admin' })),
  again: await errorOf(replay),
})
end()
