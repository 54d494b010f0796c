// A real Vendure on loopback for test_vendure.py: its database in memory, one country, one way to ship, one way to pay.
//
// Run it in a folder that has @vendure/core and sql.js (see docs/contributor.md); the port is VENDURE_PORT, 3010 where it is not set.
// Everything it knows is gone when it ends.

process.env.VENDURE_DISABLE_TELEMETRY = 'true';

const { createRequire } = require('module');
const path = require('path');
const fromHere = createRequire(path.join(process.cwd(), 'package.json'));
const { bootstrap, DefaultLogger, dummyPaymentHandler, LanguageCode, LogLevel, Populator } = fromHere('@vendure/core');

const config = {
  apiOptions: {
    hostname: '127.0.0.1',
    port: Number(process.env.VENDURE_PORT || 3010),
    adminApiPath: 'admin-api',
    shopApiPath: 'shop-api',
  },
  authOptions: {
    tokenMethod: ['bearer', 'api-key'],
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
    requireVerification: false,
  },
  dbConnectionOptions: { type: 'sqljs', synchronize: true, autoSave: false },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  logger: new DefaultLogger({ level: LogLevel.Error }),
};

const shop = {
  defaultLanguage: LanguageCode.en,
  defaultZone: 'Europe',
  countries: [
    { name: 'Germany', code: 'DE', zone: 'Europe' },
    { name: 'United Kingdom', code: 'GB', zone: 'Europe' },
  ],
  taxRates: [{ name: 'Standard', percentage: 20 }],
  shippingMethods: [{ name: 'Post', price: 500 }],
  paymentMethods: [
    {
      name: 'Invoice',
      handler: { code: dummyPaymentHandler.code, arguments: [{ name: 'automaticSettle', value: 'true' }] },
    },
  ],
  collections: [],
};

bootstrap(config)
  .then(app => app.get(Populator).populateInitialData(shop))
  .then(() => console.log(`Vendure serves http://127.0.0.1:${config.apiOptions.port}/admin-api`))
  .catch(error => {
    console.error(error);
    process.exit(1);
  });
