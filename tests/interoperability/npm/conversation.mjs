// How a script talks to the test that started it: one JSON object a line, either way.
import { createInterface } from 'node:readline/promises'
import { webcrypto } from 'node:crypto'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export async function hear() {
  return JSON.parse((await lines.next()).value)
}

export function say(something) {
  process.stdout.write(JSON.stringify(something) + '\n')
}

// Send the person at the browser to an address; gives the address where they end up.
export async function open(url) {
  say({ open: url.toString() })
  return new URL((await hear()).arrived)
}

// Have the person say yes to a device.
export async function connect(url) {
  say({ connect: url })
  await hear()
}

export async function key(pem) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}

// What went wrong, as the client library names it.
export async function refused(attempt) {
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
