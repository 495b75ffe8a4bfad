// Which services does the stand-in serve, and from which metadata? Both are its arguments: JSON, path to document.
const express = require('express')
const { default: MockServer } = require('@sap-ux/fe-mockserver-core')

const services = Object.entries(JSON.parse(process.argv[2])).map(([urlPath, metadataPath]) => (
  { urlPath, metadataPath, mockdataPath: `${__dirname}/data`, generateMockData: true }
))
const mock = new MockServer({ services, annotations: [], plugins: [] })
mock.isReady.then(() => {
  const server = express().use(mock.getRouter()).listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
})
