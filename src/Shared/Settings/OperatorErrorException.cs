namespace LlmRing.Shared.Settings;

/// <summary>
/// The server cannot start (or a command cannot run) for a reason the operator can mend.
/// The message is one line and is printed as it is, without a stack trace; the exit code is 1.
/// </summary>
/// <param name="message">One line: what is wrong and what would be accepted.</param>
/// <param name="inner">The technical cause, for a debugger.</param>
public sealed class OperatorErrorException(string message, Exception? inner = null) : Exception(message, inner);
