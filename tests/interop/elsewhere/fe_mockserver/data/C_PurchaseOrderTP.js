// What does the function import of the trial answer? The server hands over no arguments.
module.exports = { executeAction: async () => ({ IsValid: true }) }
