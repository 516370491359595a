// An OpenAI-shaped server for the bench: one process, node's own http, counts what it is asked.
//
//   node stub.mjs          prints its port on the first line
//
// POST .../chat/completions   one completion; "problem N" in the last message says which row it is
// POST /begin                 {delay: milliseconds, cut: [row, ...]} forgets what was counted; the rows of `cut` are
//                             always truncated
// GET  /counts                requests, answered, distinct prompts, requests open now and at most, connections open at
//                             most, Unix times of the first request and the last reply
// GET  anything else          a list of one model
import { createServer } from 'node:http'

const REASONING = 'First note what is given, then take it step by step. The two amounts belong together, so they are added, '
  + 'and the sum is checked against what was asked. '
const HEAD = '{"id":"c","object":"chat.completion","created":1750000000,"model":"stub","choices":[{"index":0,"message":'
  + `{"role":"assistant","reasoning_content":"${REASONING.repeat(4)}","content":"${REASONING.repeat(2)}The answer is `
const USAGE = '"usage":{"prompt_tokens":60,"completion_tokens":200,"total_tokens":260}}'
const ends = (finish) => `."},"logprobs":null,"finish_reason":"${finish}"}],${USAGE}`
const STOP = ends('stop')
const LENGTH = ends('length')
const MODELS = '{"object":"list","data":[{"id":"stub","object":"model","created":1750000000,"owned_by":"stub"}]}'

let session
let connected = 0

function begin ({ delay = 0, cut = [] } = {}) {
  session = {
    delay, cut: new Set(cut), prompts: new Set(), requests: 0, answered: 0, others: 0, open: 0, most: 0,
    connections: 0, first: 0, last: 0
  }
}

const now = () => (performance.timeOrigin + performance.now()) / 1000

function counts () {
  const { prompts, cut, delay, ...shown } = session
  return { ...shown, distinct: prompts.size }
}

function reply (response, body, status = 200) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

function complete (body, response) {
  const asked = session
  const prompt = lastText(body)
  const row = /problem (\d+)/.exec(prompt)
  asked.first ||= now()
  asked.requests += 1
  asked.open += 1
  asked.most = Math.max(asked.most, asked.open)
  if (row) asked.prompts.add(prompt)
  else asked.others += 1
  const number = row ? Number(row[1]) : 0
  const answer = () => {
    asked.open -= 1
    if (!response.destroyed) asked.answered += 1
    asked.last = now()
    reply(response, HEAD + number + (asked.cut.has(number) ? LENGTH : STOP))
  }
  if (asked.delay) setTimeout(answer, asked.delay)
  else answer()
}

function lastText (body) {
  try {
    const content = JSON.parse(body).messages.at(-1)?.content ?? ''
    return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('')
  } catch {
    return ''
  }
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    reply(response, request.url === '/counts' ? JSON.stringify(counts()) : MODELS)
    return
  }
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0].toString() : Buffer.concat(chunks).toString()
    if (request.url.endsWith('/chat/completions')) {
      complete(body, response)
    } else if (request.url === '/begin') {
      begin(JSON.parse(body))
      reply(response, '{}')
    } else {
      reply(response, '{"error":{"message":"no such path"}}', 404)
    }
  })
})

server.on('connection', (socket) => {
  connected += 1
  session.connections = Math.max(session.connections, connected)
  socket.on('close', () => { connected -= 1 })
})
begin()
server.keepAliveTimeout = 600_000
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port))
process.stdin.resume()
process.stdin.on('end', () => process.exit())  // ends with whoever started it
