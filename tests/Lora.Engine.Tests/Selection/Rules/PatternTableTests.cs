using System.Text.Json.Nodes;
using Lora.Selection;

namespace Lora.Tests.Selection;

public class PatternTableTests
{
    [Theory]
    [InlineData(false, 291)]
    [InlineData(true, 375)]
    public void Every_look_up_finds_what_peft_finds(bool shared, int count)
    {
        JsonObject[] cases = [.. PeftCases.Read("peft_rank.json", shared, null)];
        foreach (JsonObject item in cases)
        {
            LoraPatternValue[] entries = [.. item["patterns"]!.AsArray().Select(Entry)];
            PatternTable table = new(entries);
            string name = item["key"]!.GetValue<string>();

            int index = table.Find(name);

            Assert.Equal(item["pattern_key"]?.GetValue<string>(), index < 0 ? null : entries[index].Pattern);
            Assert.Equal(Value(item["expected"]), table.ValueOf(name, item["default"]!.GetValue<double>()));
        }

        Assert.Equal(count, cases.Length);
    }

    private static LoraPatternValue Entry(JsonNode? pair) => new() { Pattern = pair![0]!.GetValue<string>(), Value = Value(pair[1]) };

    /// <summary>PEFT takes a pattern without a value; here that is no number.</summary>
    private static double Value(JsonNode? value) => value?.GetValue<double>() ?? double.NaN;
}
