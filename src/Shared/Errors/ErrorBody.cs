namespace LlmRing.Shared.Errors;

/// <summary>The body of every error but a validation error.</summary>
/// <param name="Detail">What is wrong, for a human.</param>
public sealed record ErrorBody(string Detail);

/// <summary>The body of a 422.</summary>
/// <param name="Detail">One entry per fault.</param>
public sealed record ValidationErrorBody(IReadOnlyList<ValidationError> Detail);

/// <summary>One fault of a request.</summary>
/// <param name="Loc">Where it is: <c>body</c>, <c>query</c> or <c>path</c>, then names (text) and positions (number).</param>
/// <param name="Msg">What is wrong, for a human.</param>
/// <param name="Type">The kind of fault, e.g. <c>value_error</c>, <c>type_error</c>, <c>missing</c>.</param>
public sealed record ValidationError(IReadOnlyList<object> Loc, string Msg, string Type);
