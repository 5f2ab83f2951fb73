using System.Reflection;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>What a run is: nothing that changes its results may change unnoticed between its parts.</summary>
public class RunIdentityTests
{
    private static readonly PropertyInfo[] Options =
    [
        .. typeof(TrainingOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(option => option.Name != nameof(TrainingOptions.Data)),
        .. typeof(DataOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance),
    ];

    [Fact]
    public void Every_option_is_part_of_it_or_left_out_by_name_with_the_reason()
    {
        IReadOnlyDictionary<string, string> identity = Identity(new TrainingOptions());
        Assert.All(Options, option => Assert.True(
            identity.ContainsKey(option.Name) != RunIdentity.Free.ContainsKey(option.Name),
            $"{option.Name} has to be part of a run's identity, or be left out with a reason in RunIdentity.Free."));
        Assert.Empty(RunIdentity.Free.Keys.Except(Options.Select(option => option.Name)));
        Assert.All(RunIdentity.Free.Values, Assert.NotEmpty);
    }

    [Fact]
    public void Another_value_of_an_option_changes_it_unless_it_is_left_out()
    {
        IReadOnlyDictionary<string, string> identity = Identity(new TrainingOptions());
        Assert.All(Options.Where(option => option.Name is not (nameof(TrainingOptions.Adapter) or nameof(TrainingOptions.AdapterPath))), option =>
        {
            TrainingOptions other = new();
            object holder = option.DeclaringType == typeof(DataOptions) ? other.Data : other;
            option.SetValue(holder, option.Name == nameof(DataOptions.ChatTemplate) ? "chatml" : Another(option.PropertyType, option.GetValue(holder)));
            string[] differences = [.. RunIdentity.Differences(identity, Identity(other))];
            Assert.Equal(RunIdentity.Free.ContainsKey(option.Name) ? 0 : 1, differences.Length);
        });
    }

    [Fact]
    public void Another_adapter_to_go_on_from_is_another_run()
    {
        IReadOnlyDictionary<string, string> anew = Identity(new(), start: null);
        IReadOnlyDictionary<string, string> one = Identity(new(), Start(1));
        Assert.Equal(["Adapter is another"], RunIdentity.Differences(anew, one));
        Assert.Equal(["Adapter is another"], RunIdentity.Differences(one, Identity(new(), Start(2))));
        Assert.Empty(RunIdentity.Differences(one, Identity(new(), Start(1))));

        static LoraAdapter Start(byte value) => new() { Tensors = [new("x", Lora.Checkpoints.TensorDataType.U8, [1], new byte[] { value })] };
    }

    [Fact]
    public void Other_validation_rows_are_another_run_since_the_loss_before_it_is_kept()
    {
        IReadOnlyDictionary<string, string> with = RunIdentity.Of(ExampleRun.Model, "", ExampleRun.Config, null, ExampleRun.Data, new());
        IReadOnlyDictionary<string, string> without = RunIdentity.Of(ExampleRun.Model, "", ExampleRun.Config, null, new(ExampleRun.Data.Dataset, []), new());
        Assert.Equal(["ValidationDataset is another"], RunIdentity.Differences(without, with));
    }

    [Fact]
    public void Other_weights_of_the_datasets_and_other_rows_of_a_program_are_another_run()
    {
        using GivenRows rows = new("rows"), same = new("the same"), other = new("rows");
        rows.Add("""{"text":"a"}"""u8);
        same.Add("""{"text":"a"}"""u8);
        other.Add("""{"text":"b"}"""u8);
        Assert.Equal(["DatasetWeight was '' and is '2'"], RunIdentity.Differences(Of(ExampleRun.Data), Of(ExampleRun.Data with { DatasetWeight = [2] })));
        Assert.Empty(RunIdentity.Differences(Of(Given(rows)), Of(Given(same))));
        Assert.Equal(["Dataset is another"], RunIdentity.Differences(Of(Given(rows)), Of(Given(other))));

        static TrainingData Given(GivenRows rows) => new([], []) { Rows = rows };

        static IReadOnlyDictionary<string, string> Of(TrainingData data) => RunIdentity.Of(ExampleRun.Model, "", ExampleRun.Config, null, data, new());
    }

    [Fact]
    public void A_chat_template_is_what_it_says_wherever_it_lies()
    {
        using TemporaryFolder folder = new();
        string one = folder.Write("one.jinja", "{{ messages }}"), two = folder.Write("two.jinja", "{{ messages }}"), other = folder.Write("other.jinja", "other");
        IReadOnlyDictionary<string, string> identity = With(one);
        Assert.Empty(RunIdentity.Differences(identity, With(two)));
        Assert.Equal(["ChatTemplate is another"], RunIdentity.Differences(identity, With(other)));

        static IReadOnlyDictionary<string, string> With(string template) => Identity(new() { Data = new() { ChatTemplate = template } });
    }

    [Fact]
    public void What_an_earlier_version_did_not_note_is_said()
    {
        Dictionary<string, string> before = Identity(new()).Where(entry => entry.Key != "Weights").ToDictionary();
        Assert.Contains("by another version", Assert.Single(RunIdentity.Differences(before, Identity(new()))), StringComparison.Ordinal);
    }

    /// <summary>An earlier version had a layer's magnitudes behind its A: as many values, of which each is another now.</summary>
    [Fact]
    public void A_state_with_magnitudes_among_A_is_not_gone_on_with()
    {
        LoraConfig dora = ExampleRun.Config with { UseDora = true };
        IReadOnlyDictionary<string, string> now = Of(dora), plain = Of(ExampleRun.Config);
        Dictionary<string, string> before = new(now) { ["The order of values"] = "A before B" };

        Assert.Equal(["The order of values was 'A before B' and is 'A before B before magnitudes'"], RunIdentity.Differences(before, now));
        Assert.Equal("A before B", plain["The order of values"]); // states of other runs are as they were

        static IReadOnlyDictionary<string, string> Of(LoraConfig config) => RunIdentity.Of(ExampleRun.Model, "weights", config, null, ExampleRun.Data, new());
    }

    private static IReadOnlyDictionary<string, string> Identity(TrainingOptions options, LoraAdapter? start = null) =>
        RunIdentity.Of(ExampleRun.Model, "weights", ExampleRun.Config, start, ExampleRun.Data, options);

    private static object Another(Type type, object? value) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        Type number when number == typeof(int) => (value as int? ?? 0) + 7,
        Type number when number == typeof(long) => (value as long? ?? 0) + 7,
        Type number when number == typeof(double) => (value as double? ?? 0) + 0.5,
        Type flag when flag == typeof(bool) => !(value as bool? ?? false),
        Type text when text == typeof(string) => value + "7",
        Type texts when texts == typeof(string[]) => new[] { "7" },
        Type names when names == typeof(NameDictionary) => new NameDictionary([new("7", "7")]),
        Type choice when choice.IsEnum => Enum.GetValues(choice).Cast<object>().First(other => !other.Equals(value)),
        _ => throw new NotSupportedException($"No other value of {type} is known here."),
    };
}
