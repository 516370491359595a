// What the stub bears: so many bare sockets, each asking again as soon as it is answered. Prints requests a second.
//
//   node load.mjs PORT [SOCKETS] [SECONDS]
import { connect } from 'node:net'

const [port, sockets = 256, seconds = 3] = process.argv.slice(2).map(Number)
const body = JSON.stringify({
  model: 'stub', messages: [{ role: 'user', content: 'This is problem 17. ' + 'What is the sum of 17 and 4? '.repeat(6) }]
})
const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`
const asked = Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
let answered = 0

for (let index = 0; index < sockets; index++) {
  const socket = connect(port, '127.0.0.1', () => socket.write(asked))
  socket.setNoDelay(true)
  socket.on('data', (chunk) => {
    if (!chunk.toString('latin1').endsWith('"total_tokens":260}}')) return  // the rest is still to come
    answered += 1
    socket.write(asked)
  })
}
setTimeout(() => {
  const before = answered
  setTimeout(() => {
    console.log(Math.round((answered - before) / seconds))
    process.exit()
  }, seconds * 1000)
}, 500)
