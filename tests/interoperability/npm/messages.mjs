// Messages between a script and the test that started it: one JSON object a line, in both directions.
import { createInterface } from 'node:readline/promises'
import { webcrypto } from 'node:crypto'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export async function receive() {
  return JSON.parse((await lines.next()).value)
}

export function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

// Open an authorization request in the browser; returns the redirect URL that it ends at.
export async function open(url) {
  send({ open: url.toString() })
  return new URL((await receive()).arrived)
}

// Approve a device in the browser.
export async function connect(url) {
  send({ connect: url })
  await receive()
}

export async function key(pem) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}

// The error of an attempt, as the client library names it; null without one.
export async function errorOf(attempt) {
  try {
    await attempt()
  } catch (error) {
    return { error: error.error ?? error.code ?? error.name, status: error.status }
  }
  return null
}

export function end() {
  process.stdin.destroy()
}
