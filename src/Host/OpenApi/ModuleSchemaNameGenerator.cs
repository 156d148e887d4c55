using System.Globalization;
using LlmRing.Host.Modules;
using LlmRing.Shared.Modules;
using NJsonSchema.Generation;

namespace LlmRing.Host.OpenApi;

/// <summary>Names schemas by their types, with a prefix for those of external modules.</summary>
internal sealed class ModuleSchemaNameGenerator(ModuleCatalog catalog) : ISchemaNameGenerator
{
    /// <summary>Keeps the names of a module of <c>LLMRING_MODULES_PATH</c> apart from all others; empty for the server's own.</summary>
    public static string PrefixOf(IModule? module) => module is null || !module.IsExternal()
        ? ""
        : CultureInfo.InvariantCulture.TextInfo.ToTitleCase(module.Name).Replace("-", "", StringComparison.Ordinal);

    public string Generate(Type type) => PrefixOf(OwnerOf(type)) + NameOf(type);

    /// <summary><c>Page&lt;Row&gt;</c> becomes <c>PageOfRow</c>.</summary>
    private static string NameOf(Type type) => type.IsGenericType
        ? $"{type.Name[..type.Name.IndexOf('`')]}Of{string.Join("And", type.GetGenericArguments().Select(NameOf))}"
        : type.Name;

    /// <summary>The owner of a type; of a generic type of the server, the owner of its type argument.</summary>
    private IModule? OwnerOf(Type type) =>
        catalog.Owner(type) ?? type.GetGenericArguments().Select(OwnerOf).FirstOrDefault(owner => owner is not null);
}
