// openid-client as a service: client credentials and token exchange, with private_key_jwt.
import * as client from 'openid-client'
import { end, receive, key, errorOf, send } from './messages.mjs'

const { issuer, pem, subject_token } = await receive()
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
send({
  own: await client.clientCredentialsGrant(service, wanted),
  exchanged: await exchange({ audience: 'users-service', scope: 'profile:read' }),
  elsewhere: await errorOf(() => exchange({ audience: 'auth-service' })),
})
end()
