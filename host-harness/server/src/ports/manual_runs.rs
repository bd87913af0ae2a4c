//! `manual-runs`: runs that a person asks for.

use scheduled_exports_host::imports::ManualRuns;

use super::Services;

impl ManualRuns for Services {}
