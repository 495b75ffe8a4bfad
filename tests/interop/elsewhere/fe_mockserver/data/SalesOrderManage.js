// What does the action of the trial do to its record?
module.exports = {
  async executeAction({ name }, { OverallSDProcessStatus }, keys) {
    await this.base.updateEntry(keys, { OverallSDProcessStatus })
    return (await this.base.getAllEntries()).find((one) => one.ID === keys.ID)
  }
}
