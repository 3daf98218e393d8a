// openid-client as a service: a token of its own, and one for a user, each proven with its key.
import * as client from 'openid-client'
import { end, hear, key, refused, say } from './conversation.mjs'

const { issuer, pem, subject_token } = await hear()
const options = { execute: [client.allowInsecureRequests] }
const method = client.PrivateKeyJwt(await key(pem))
const service = await client.discovery(new URL(issuer), 'orders-service', undefined, method, options)

const exchange = (parameters) =>
  client.genericGrantRequest(service, 'urn:ietf:params:oauth:grant-type:token-exchange', {
    subject_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...parameters,
  })

const wanted = { audience: 'users-service', scope: 'users:read' }
say({
  own: await client.clientCredentialsGrant(service, wanted),
  exchanged: await exchange({ audience: 'users-service', scope: 'profile:read' }),
  elsewhere: await refused(() => exchange({ audience: 'auth-service' })),
})
end()
