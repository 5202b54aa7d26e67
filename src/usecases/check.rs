//! `topup check`: proves a database against the rules.
