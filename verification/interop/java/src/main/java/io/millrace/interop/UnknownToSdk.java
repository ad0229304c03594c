package io.millrace.interop;

/** The SDK is older than the operation or the member that was asked of it. Its name is the error's code. */
final class UnknownToSdk extends RuntimeException {
  UnknownToSdk(String what) {
    super("this SDK knows no " + what);
  }
}
