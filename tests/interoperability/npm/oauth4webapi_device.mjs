// oauth4webapi as a device: shows a code, and asks for tokens until the user has approved it.
import * as oauth from 'oauth4webapi'
import { connect, end, receive, errorOf, send } from './messages.mjs'

const { issuer } = await receive()
const insecure = { [oauth.allowInsecureRequests]: true }
const where = new URL(issuer)
const server = await oauth.processDiscoveryResponse(where, await oauth.discoveryRequest(where, insecure))
const device = { client_id: 'cli' }

const begin = async () =>
  oauth.processDeviceAuthorizationResponse(
    server,
    device,
    await oauth.deviceAuthorizationRequest(
      server,
      device,
      oauth.None(),
      { scope: 'openid orders:read' },
      insecure,
    ),
  )
const ask = async (code) =>
  oauth.processDeviceCodeResponse(
    server,
    device,
    await oauth.deviceCodeGrantRequest(server, device, oauth.None(), code, insecure),
  )

const shown = await begin()
await connect(shown.verification_uri_complete)
const tokens = await ask(shown.device_code)
const other = await begin()
send({
  shown: { ...shown, device_code: shown.device_code.length },
  scope: tokens.scope,
  claims: oauth.getValidatedIdTokenClaims(tokens),
  again: await errorOf(() => ask(shown.device_code)),
  pending: await errorOf(() => ask(other.device_code)),
})
end()
