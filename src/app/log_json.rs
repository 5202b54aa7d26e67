//! The log as JSON, an object a line.
//!
//! tracing-subscriber has such a form in its feature `json`. That feature changes tracing-core, and with it nearly every
//! dependency is built again; this is less.

use serde_json::{Map, Value};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Lines: `timestamp`, `level`, `target`, the event's own fields, and under `span` those of the request.
pub struct JsonLines;

/// Fields of a span, as an object.
pub struct JsonFields;

struct LogFields(Map<String, Value>);

impl Visit for LogFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

impl<'writer> FormatFields<'writer> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut values = LogFields(Map::new());
        fields.record(&mut values);
        write!(writer, "{}", Value::Object(values.0))
    }
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = LogFields(Map::new());
        line.0.insert("timestamp".to_owned(), time.into());
        line.0.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.0.insert("target".to_owned(), event.metadata().target().into());
        event.record(&mut line);
        if let Some(span) = context.lookup_current() {
            let mut fields = Map::new();
            if let Some(formatted) = span.extensions().get::<FormattedFields<JsonFields>>() {
                fields = serde_json::from_str(formatted.as_str()).unwrap_or_default();
            }
            fields.insert("name".to_owned(), span.name().into());
            line.0.insert("span".to_owned(), Value::Object(fields));
        }
        writeln!(writer, "{}", Value::Object(line.0))
    }
}
