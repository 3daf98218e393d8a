// openid-client as a device: shows a code, and polls by itself until the person has said yes.
import * as client from 'openid-client'
import { connect, end, hear, say } from './conversation.mjs'

const { issuer } = await hear()
const options = { execute: [client.allowInsecureRequests] }
const device = await client.discovery(new URL(issuer), 'cli', undefined, client.None(), options)

const shown = await client.initiateDeviceAuthorization(device, { scope: 'openid orders:read' })
await connect(shown.verification_uri_complete)
const tokens = await client.pollDeviceAuthorizationGrant(device, shown)
say({ claims: tokens.claims(), refresh: typeof tokens.refresh_token })
end()
