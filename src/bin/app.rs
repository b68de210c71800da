//! The page.

fn main() {
    attention_playground::app::start();
}
