namespace LlmRing.Shared.Contracts;

/// <summary>
/// Declares that an endpoint reads bodies of a binary type, such as protobuf, and makes no object of each value in them:
/// <c>Options(route => route.WithMetadata(new BinaryBodyAttribute("application/x-protobuf")))</c>. The host then bounds the bytes of such a
/// body, and does not count what would be values of JSON.
/// </summary>
/// <param name="contentType">The type of the bodies, without parameters.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class BinaryBodyAttribute(string contentType) : Attribute
{
    /// <summary>The type of the bodies, without parameters.</summary>
    public string ContentType { get; } = contentType;
}
