//! How incidents are worded for the channels.

use rootline_sinks::{Delivery, Form, Mail, Words};
use serde_json::Value;

/// `receiver` of webhook bodies.
pub struct Cards {
    pub receiver: String,
}

impl Words for Cards {
    fn message(&self, _form: Form, delivery: &Delivery) -> Value {
        serde_json::to_value(delivery.incidents.first().map(|i| i.as_ref())).unwrap_or(Value::Null)
    }

    fn mail(&self, delivery: &Delivery) -> Mail {
        Mail { subject: self.receiver.clone(), text: delivery.key.clone(), html: String::new() }
    }
}
