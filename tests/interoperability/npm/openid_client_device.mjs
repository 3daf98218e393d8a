// openid-client as a device: shows a code, and polls until the user has approved it.
import * as client from 'openid-client'
import { connect, end, receive, send } from './messages.mjs'

const { issuer } = await receive()
const options = { execute: [client.allowInsecureRequests] }
const device = await client.discovery(new URL(issuer), 'cli', undefined, client.None(), options)

const shown = await client.initiateDeviceAuthorization(device, { scope: 'openid orders:read' })
await connect(shown.verification_uri_complete)
const tokens = await client.pollDeviceAuthorizationGrant(device, shown)
send({ claims: tokens.claims(), refresh: typeof tokens.refresh_token })
end()
