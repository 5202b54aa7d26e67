# flake8: noqa

# import apis into api package
from credits_api.api.access_api import AccessApi
from credits_api.api.catalogue_api import CatalogueApi
from credits_api.api.charges_api import ChargesApi
from credits_api.api.courtesy_credits_api import CourtesyCreditsApi
from credits_api.api.customer_api_api import CustomerAPIApi
from credits_api.api.customers_api import CustomersApi
from credits_api.api.holds_api import HoldsApi
from credits_api.api.ledger_api import LedgerApi
from credits_api.api.operations_api import OperationsApi
from credits_api.api.purchases_api import PurchasesApi
from credits_api.api.stripe_api import StripeApi
from credits_api.api.test_clock_api import TestClockApi

