using System.Collections;
using System.Collections.Specialized;
using System.Data;
using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using System.Text.Json;

namespace Lora.Commands;

/// <summary>Writes rows as JSON: custom objects, hashtables and rows of a data table, with what they hold. Dates are texts, what is no number is null.</summary>
internal static class RowJson
{
    // As deep as System.Text.Json reads unless told otherwise; it also ends an object that holds itself.
    private const int Deepest = 64;

    /// <summary>Whether an object has columns, as a row has.</summary>
    public static bool IsRow(object? value) => value is IDictionary or DataRow or DataRowView or PSObject { BaseObject: PSCustomObject };

    /// <summary>Writes a row.</summary>
    /// <exception cref="FormatException">It has no columns, or holds what JSON cannot.</exception>
    public static void Write(object? row, Utf8JsonWriter writer)
    {
        if (!IsRow(row))
        {
            throw new FormatException(row is null ? "it is nothing" : $"it is a {Members.Kind(row)}, which has no columns; a row is a custom object, a hashtable or a row of a data table");
        }

        WriteValue(row, "the row", 0, writer);
    }

    private static void WriteValue(object? value, string name, int depth, Utf8JsonWriter writer)
    {
        if (depth > Deepest)
        {
            throw new FormatException($"\"{name}\" holds itself, or lists and objects of more than {Deepest} levels");
        }

        switch (Argument.Plain(value))
        {
            case null or DBNull or double.NaN or double.PositiveInfinity or double.NegativeInfinity or float.NaN or float.PositiveInfinity or float.NegativeInfinity:
            case Half half when !Half.IsFinite(half):
                writer.WriteNullValue();
                break;
            case string or char or Guid or Uri or Version or Enum or DateTime or DateTimeOffset or DateOnly or TimeOnly or TimeSpan:
                writer.WriteStringValue(Text(Argument.Plain(value)!));
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            case SwitchParameter truth:
                writer.WriteBooleanValue(truth);
                break;
            case sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal or Half or BigInteger:
                // As text: the writer takes neither Half nor BigInteger.
                writer.WriteRawValue(Number((IFormattable)Argument.Plain(value)!));
                break;
            // Before lists: a table is a list of its entries too.
            case object inner when Columns(inner) is IEnumerable<(string Name, object? Value)> columns:
                writer.WriteStartObject();
                foreach ((string column, object? cell) in columns)
                {
                    writer.WritePropertyName(column);
                    WriteValue(cell, column, depth + 1, writer);
                }

                writer.WriteEndObject();
                break;
            case IEnumerable list:
                writer.WriteStartArray();
                foreach (object? item in list)
                {
                    WriteValue(item, name, depth + 1, writer);
                }

                writer.WriteEndArray();
                break;
            case object other:
                throw new FormatException($"\"{name}\" holds a {Members.Kind(other)}, which is no text, number, list or object");
        }
    }

    /// <summary>The columns of an object in their order; a hashtable has none, so that they come in that of their names. Null for what has no columns.</summary>
    private static IEnumerable<(string Name, object? Value)>? Columns(object value) => value switch
    {
        // A generic dictionary promises no order, but keeps that in which it was filled.
        IDictionary table when table is IOrderedDictionary || table.GetType().IsGenericType => Entries(table),
        IDictionary table => Entries(table).OrderBy(entry => entry.Name, StringComparer.Ordinal),
        DataRowView view => Columns(view.Row),
        DataRow row => row.Table.Columns.Cast<DataColumn>().Select(column => (column.ColumnName, (object?)row[column])),
        PSObject { BaseObject: PSCustomObject } bag => bag.Properties.Select(property => (property.Name, Members.Of(bag, property.Name))),
        _ => null,
    };

    private static IEnumerable<(string Name, object? Value)> Entries(IDictionary table) => table.Cast<DictionaryEntry>().Select(entry => ($"{entry.Key}", entry.Value));

    private static string Text(object value) => value switch
    {
        DateTime or DateTimeOffset or DateOnly or TimeOnly => ((IFormattable)value).ToString("o", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
