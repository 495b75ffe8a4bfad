// What do the operations of the model do?
const cds = require('@sap/cds')

module.exports = class TrialService extends cds.ApplicationService {
  async init() {
    const { Depots, Lots, Stock } = this.entities
    this.on('reprice', Lots, async ({ data, params: [key] }) => {
      await UPDATE(Lots, key.ID ?? key).with({ price: data.price, label: data.note })
      return SELECT.one.from(Lots, key.ID ?? key)
    })
    this.on('worth', Lots, async ({ params: [key] }) => (await SELECT.one.from(Lots, key.ID ?? key)).price)
    this.on('stocked', async ({ data }) => {
      const rows = await SELECT.from(Stock).where({ depot_code: data.depot, since: { '>=': data.since } })
      return rows.reduce((sum, row) => sum + row.count, 0)
    })
    this.on('relabel', ({ data }) => UPDATE(Depots).where({ country: data.country }).with({ name: data.name }))
    return super.init()
  }
}
