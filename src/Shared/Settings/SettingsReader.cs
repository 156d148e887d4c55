using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace LlmRing.Shared.Settings;

/// <summary>Reads records of settings from <c>LLMRING_*</c> variables.</summary>
public static class SettingsReader
{
    /// <summary>
    /// Reads a settings record: each property marked with <see cref="SettingAttribute"/> takes the value of its
    /// variable, or keeps the record's default where the variable is absent or blank.
    /// <see cref="ValidationAttribute"/>s on the property are checked.
    /// </summary>
    /// <typeparam name="T">A class or record with settable properties; its initializers are the defaults.</typeparam>
    /// <exception cref="OperatorErrorException">
    /// A value is invalid; the message names the variable, the value and what is accepted.
    /// </exception>
    public static T ReadSettings<T>(this IConfiguration configuration)
        where T : class, new()
    {
        var settings = new T();
        foreach (var property in typeof(T).GetProperties())
        {
            if (property.GetCustomAttribute<SettingAttribute>() is not { } setting)
                continue;

            var text = configuration[setting.Name]?.Trim();
            if (string.IsNullOrEmpty(text))
                continue;

            if (!TryConvert(text, property.PropertyType, out var value)
                || !property.GetCustomAttributes<ValidationAttribute>().All(rule => rule.IsValid(value)))
            {
                var shown = setting.Secret ? "(not shown)" : $"'{text}'";
                throw new OperatorErrorException($"LLMRING_{setting.Name} is {shown}; accepted: {setting.Accepted}");
            }

            property.SetValue(settings, value);
        }

        return settings;
    }

    private static bool TryConvert(string text, Type type, out object? value)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        value = type switch
        {
            _ when type == typeof(string) => text,
            _ when type == typeof(bool) => text.ToUpperInvariant() switch
            {
                "TRUE" or "1" or "YES" or "ON" => true,
                "FALSE" or "0" or "NO" or "OFF" => false,
                _ => null,
            },
            _ when type == typeof(int) => int.TryParse(
                text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null,
            // TryParse alone also accepts numbers and lists of names.
            _ when type.IsEnum => Enum.GetNames(type).Contains(text, StringComparer.OrdinalIgnoreCase)
                ? Enum.Parse(type, text, ignoreCase: true)
                : null,
            _ when type == typeof(Uri) => Uri.TryCreate(text, UriKind.Absolute, out var uri) ? uri : null,
            _ when type == typeof(IReadOnlyList<string>) => ParseList(text),
            _ when type == typeof(IReadOnlyList<IPNetwork>) => ParseNetworks(text),
            _ => throw new NotSupportedException($"No setting can be of type {type}."),
        };
        return value is not null;
    }

    private static string[]? ParseList(string text)
    {
        if (!text.StartsWith('['))
            return text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

        try
        {
            var list = JsonSerializer.Deserialize<string[]>(text);
            return list is null || list.Any(item => item is null) ? null : list;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static List<IPNetwork>? ParseNetworks(string text)
    {
        var networks = new List<IPNetwork>();
        if (ParseList(text) is not { } parts)
            return null;
        foreach (var part in parts)
        {
            if (IPNetwork.TryParse(part, out var network))
                networks.Add(network);
            else if (IPAddress.TryParse(part, out var address))
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            else
                return null;
        }

        return networks;
    }
}
