//! Writes the description of the API to standard output.

fn main() {
    println!("{}", muster_api::openapi_json());
}
