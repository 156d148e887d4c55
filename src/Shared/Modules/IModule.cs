using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Shared.Modules;

/// <summary>
/// A feature that can be switched on, off or added. One public class with a parameterless constructor implements it in
/// each module assembly; its FastEndpoints endpoints and its embedded <c>Migrations/*.sql</c> are found in that assembly.
/// </summary>
public interface IModule
{
    /// <summary>The name by which <c>LLMRING_MODULES</c> chooses it: lower-case letters, digits and <c>-</c>.</summary>
    string Name { get; }

    /// <summary>One sentence for the OpenAPI page.</summary>
    string Description { get; }

    /// <summary>The assembly that holds its endpoints and migrations.</summary>
    Assembly Assembly => GetType().Assembly;

    /// <summary>
    /// The schema that the module's migrations find as <c>${schema}</c>, created when absent.
    /// Null: the server's own schema (<c>LLMRING_DATABASE_SCHEMA</c>).
    /// </summary>
    string? Schema => null;

    /// <summary>Names of modules without which this one is of no use: while one of them is off, this one is off as well.</summary>
    IReadOnlyList<string> Requires => [];

    /// <summary>Registers what the module needs: repositories, background services, implementations of shared contracts.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The <c>LLMRING_*</c> variables without their prefix; see <see cref="Settings.SettingsReader"/>.</param>
    void AddServices(IServiceCollection services, IConfiguration configuration);
}
