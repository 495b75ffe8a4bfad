// How is the service kept on this machine and behind tokens, as a real one is? A port of loopback, sessions and CSRF.
const { randomUUID } = require('node:crypto')
const cds = require('@sap/cds')

const tokens = new Map()
let fetched = 0
let strangers = 0

function userOf(request) {
  const [, login] = /Basic (.+)/.exec(request.headers.authorization ?? '') ?? []
  return Buffer.from(login ?? '', 'base64').toString().split(':')[0]
}

function guard(request, response, next) {
  const [, session] = /SAP_SESSIONID_CAP_100=([^;]+)/.exec(request.headers.cookie ?? '') ?? []
  const token = request.headers['x-csrf-token'] ?? ''
  const known = tokens.get(session)
  if (known && known.user !== userOf(request)) strangers += 1
  if (['GET', 'HEAD'].includes(request.method)) {
    if (token.toLowerCase() === 'fetch') {
      const opened = randomUUID()
      tokens.set(opened, { token: randomUUID(), user: userOf(request) })
      fetched += 1
      response.set({ 'x-csrf-token': tokens.get(opened).token, 'set-cookie': `SAP_SESSIONID_CAP_100=${opened}; path=/` })
    }
    return next()
  }
  if (known?.token === token && known.user === userOf(request)) return next()
  response.set('x-csrf-token', 'Required').status(403).type('text/plain').send('CSRF token validation failed')
}

cds.on('bootstrap', (app) => {
  const listen = app.listen.bind(app)
  app.listen = () => listen(0, '127.0.0.1')
  app.get('/trial/fetched', (_, response) => response.json(fetched))
  app.get('/trial/strangers', (_, response) => response.json(strangers))
  app.post('/trial/forget', (_, response) => response.json(tokens.clear() ?? true))
  app.use(guard)
})
cds.on('listening', ({ server }) => console.log(`port ${server.address().port}`))
module.exports = cds.server
