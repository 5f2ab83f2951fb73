namespace Lora.Data;

/// <summary>
/// What the structs of Parquet's footer and page headers hold, field after field from 1 (parquet.thrift of the Apache Parquet format):
/// <c>int</c> of any width, <c>byte</c>, <c>bool</c>, <c>double</c>, <c>bytes</c>, a struct by its name, a list in brackets; <c>-</c> is a number that is not given.
/// </summary>
internal static class ThriftStructs
{
    private static readonly Dictionary<string, string[]> Fields = new Dictionary<string, string>
    {
        ["FileMetaData"] = "int [SchemaElement] int [RowGroup] [KeyValue] bytes [ColumnOrder] EncryptionAlgorithm bytes",
        ["SchemaElement"] = "int int int bytes int int int int int LogicalType",
        ["LogicalType"] = "Empty Empty Empty Empty Decimal Empty Time Time - Integer Empty Empty Empty Empty Empty Variant Geometry Geography",
        ["Decimal"] = "int int",
        ["Time"] = "bool TimeUnit",
        ["TimeUnit"] = "Empty Empty Empty",
        ["Integer"] = "byte bool",
        ["Variant"] = "byte",
        ["Geometry"] = "bytes",
        ["Geography"] = "bytes int",
        ["RowGroup"] = "[ColumnChunk] int int [SortingColumn] int int int",
        ["SortingColumn"] = "int bool bool",
        ["ColumnChunk"] = "bytes int ColumnMetaData int int int int ColumnCryptoMetaData bytes",
        ["ColumnMetaData"] = "int [int] [bytes] int int int int [KeyValue] int int int Statistics [PageEncodingStats] int int SizeStatistics GeospatialStatistics",
        ["KeyValue"] = "bytes bytes",
        ["Statistics"] = "bytes bytes int int bytes bytes bool bool",
        ["PageEncodingStats"] = "int int int",
        ["SizeStatistics"] = "int [int] [int]",
        ["GeospatialStatistics"] = "BoundingBox [int]",
        ["BoundingBox"] = "double double double double double double double double",
        ["ColumnOrder"] = "Empty",
        ["ColumnCryptoMetaData"] = "Empty EncryptionWithColumnKey",
        ["EncryptionWithColumnKey"] = "[bytes] bytes",
        ["EncryptionAlgorithm"] = "AesGcm AesGcm",
        ["AesGcm"] = "bytes bytes bool",
        ["Empty"] = "",
        ["PageHeader"] = "int int int int DataPageHeader Empty DictionaryPageHeader DataPageHeaderV2",
        ["DataPageHeader"] = "int int int int Statistics",
        ["DictionaryPageHeader"] = "int int bool",
        ["DataPageHeaderV2"] = "int int int int int int bool Statistics",
    }.ToDictionary(entry => entry.Key, entry => entry.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>What a field holds; empty for one that the format did not have when this was written.</summary>
    public static string Of(string name, int id) => id >= 1 && id <= Fields[name].Length ? Fields[name][id - 1] : "";
}
