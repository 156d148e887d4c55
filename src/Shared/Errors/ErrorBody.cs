namespace LlmRing.Shared.Errors;

/// <summary>The body of every error except a 422.</summary>
/// <param name="Detail">The reason, for people.</param>
public sealed record ErrorBody(string Detail);

/// <summary>The body of a 422.</summary>
/// <param name="Detail">One entry per fault.</param>
public sealed record ValidationErrorBody(IReadOnlyList<ValidationError> Detail);

/// <summary>One fault of a request.</summary>
/// <param name="Loc">The location: <c>body</c>, <c>query</c> or <c>path</c>, then names (text) and positions (number).</param>
/// <param name="Msg">The reason, for people.</param>
/// <param name="Type">The kind of fault, e.g. <c>value_error</c>, <c>type_error</c>, <c>missing</c>.</param>
public sealed record ValidationError(IReadOnlyList<object> Loc, string Msg, string Type);
