//! Something that an operator may do: a form in a dialog, which first says what will happen.

use serde::Serialize;

/// A field of a form. Its name is that of the member of the act, and the key of its words.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Field {
    /// The name.
    pub state: String,
    /// `hidden`, `text`, `number`, `amount`, `check`, `area` or `reset`.
    pub class: String,
    /// What stands in it.
    pub value: String,
    /// Whether it must be filled.
    pub is_required: bool,
}

impl Field {
    /// A field that people see and must fill.
    #[must_use]
    pub fn needed(name: &str, class: &str) -> Self {
        Self { is_required: true, ..Self::optional(name, class) }
    }

    /// A field that people see and may leave empty.
    #[must_use]
    pub fn optional(name: &str, class: &str) -> Self {
        Self { state: name.to_owned(), class: class.to_owned(), ..Self::default() }
    }

    /// The same with something in it.
    #[must_use]
    pub fn with(self, value: impl ToString) -> Self {
        Self { value: value.to_string(), ..self }
    }
}

/// Something that an operator may do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Act {
    /// What: the key of its words, and the member `do` of the request.
    pub kind: String,
    /// The name of the thing that it is done to, where the page has several.
    pub name: String,
    /// Its id on the page: letters, digits, `-` and `_`.
    pub id: String,
    /// The form.
    pub fields: Vec<Field>,
    /// Whether it takes something away.
    pub is_dangerous: bool,
}

impl Act {
    /// An act on one thing, whose id is the value of a member.
    #[must_use]
    pub fn on(kind: &str, (member, id): (&str, impl ToString)) -> Self {
        let id = id.to_string();
        let plain = id.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
        let dom = format!("{kind}-{}", plain.collect::<String>());
        let hidden = Field { state: member.to_owned(), class: "hidden".to_owned(), value: id, is_required: true };
        Self { kind: kind.to_owned(), id: dom, fields: vec![hidden], ..Self::default() }
    }

    /// An act on nothing in particular.
    #[must_use]
    pub fn alone(kind: &str) -> Self {
        Self { kind: kind.to_owned(), id: kind.to_owned(), ..Self::default() }
    }

    /// The same with another field.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The same with a value that nobody sees.
    #[must_use]
    pub fn hidden(self, name: &str, value: impl ToString) -> Self {
        self.with(Field::needed(name, "hidden").with(value))
    }

    /// The same with a reason, which must be given.
    #[must_use]
    pub fn reasoned(self) -> Self {
        self.with(Field::needed("reason", "text"))
    }

    /// The same for the thing of this name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// The same, which takes something away.
    #[must_use]
    pub fn dangerous(self) -> Self {
        Self { is_dangerous: true, ..self }
    }
}
