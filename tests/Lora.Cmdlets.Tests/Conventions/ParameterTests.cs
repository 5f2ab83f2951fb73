using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands.Tests.Conventions;

public sealed class ParameterTests(HostedShell shell) : IClassFixture<HostedShell>
{
    private const string OfTheMachine = "Test-LoraHost"; // there is but one

    private static readonly HashSet<Type> Numbers = [typeof(int), typeof(long), typeof(float), typeof(double)];

    private readonly IReadOnlyList<CmdletInfo> commands =
        [.. shell.Run("Get-Command -Module Lora").Succeeded().Output.Select(command => (CmdletInfo)command.BaseObject)];

    [Fact]
    public void None_is_named_like_a_common_parameter()
    {
        HashSet<string> common = [.. Cmdlet.CommonParameters, .. Cmdlet.OptionalCommonParameters];

        Assert.All(Cmdlets.Parameters, parameter => Assert.DoesNotContain(parameter.Name, common));
    }

    [Fact]
    public void Names_are_singular_and_in_Pascal_case() => // the K and the P of sampling have no longer names
        Assert.All(Cmdlets.Parameters, parameter => Assert.Matches("^[A-Z][A-Za-z0-9]*[a-rt-z0-9]$|^[A-Z][A-Za-z]*(ss|as|us)$|^(TopK|TopP|MinP)$", parameter.Name));

    [Fact]
    public void Yes_or_no_is_a_switch() =>
        Assert.All(Cmdlets.Parameters, parameter => Assert.NotEqual(typeof(bool), parameter.PropertyType));

    // Every whole number is a seed.
    [Fact]
    public void Numbers_say_their_range() => Assert.All(
        Cmdlets.Parameters.Where(parameter => parameter.Name != "Seed" && Numbers.Contains(Nullable.GetUnderlyingType(parameter.PropertyType) ?? parameter.PropertyType)),
        parameter => Assert.True(parameter.IsDefined(typeof(ValidateRangeAttribute)), parameter.Name));

    // A parameter takes one or several of the same; a number that may be left out is the same number. InputObject is what its cmdlet works on, Format a
    // form of what it writes.
    [Fact]
    public void The_same_name_has_the_same_type_everywhere() => Assert.All(
        Cmdlets.Parameters.Where(parameter => parameter.Name is not ("InputObject" or "Format")).GroupBy(parameter => parameter.Name),
        group => Assert.Single(group.Select(parameter => Value(parameter.PropertyType)).Distinct()));

    [Fact]
    public void Paths_to_read_are_arrays_that_take_wildcards_beside_a_literal_form() => Assert.All(
        Cmdlets.Types.Where(type => type.GetProperty("LiteralPath")?.PropertyType.IsArray == true),
        type =>
        {
            PropertyInfo path = Cmdlets.Parameters.Single(parameter => parameter.ReflectedType == type && IsCalled(parameter, "Path"));
            Assert.True(path.PropertyType.IsArray);
            Assert.True(path.IsDefined(typeof(SupportsWildcardsAttribute)));
            IList<string> aliases = type.GetProperty("LiteralPath")!.GetCustomAttribute<AliasAttribute>()!.AliasNames;
            Assert.Contains("PSPath", aliases);
            Assert.Contains("LP", aliases);
        });

    [Fact]
    public void A_default_set_is_named_where_there_are_several() => Assert.All(
        commands.Where(command => command.ParameterSets.Count > 1),
        command => Assert.Single(command.ParameterSets, set => set.IsDefault));

    [Fact]
    public void A_set_takes_at_most_one_parameter_by_value_from_the_pipeline() => Assert.All(
        commands.SelectMany(command => command.ParameterSets),
        set => Assert.InRange(set.Parameters.Count(parameter => parameter.ValueFromPipeline), 0, 1));

    [Fact]
    public void Every_set_takes_something_from_the_pipeline() => Assert.All(
        commands.Where(command => command.Name != OfTheMachine).SelectMany(command => command.ParameterSets),
        set => Assert.Contains(set.Parameters, parameter => parameter.ValueFromPipeline || parameter.ValueFromPipelineByPropertyName));

    [Fact]
    public void What_is_asked_for_at_the_prompt_can_be_typed() => Assert.All(
        commands.SelectMany(command => command.ParameterSets).SelectMany(set => set.Parameters).Where(parameter => parameter.IsMandatory),
        parameter => Assert.Equal(typeof(string), Value(parameter.ParameterType)));

    [Fact]
    public void Every_cmdlet_takes_its_object_from_the_pipeline() => Assert.All(
        commands.Where(command => command.Name != OfTheMachine),
        command => Assert.Contains(command.ParameterSets.SelectMany(set => set.Parameters), parameter => parameter.ValueFromPipeline));

    private static bool IsCalled(PropertyInfo parameter, string name) =>
        parameter.Name == name || parameter.GetCustomAttribute<AliasAttribute>()?.AliasNames.Contains(name) == true;

    private static Type Value(Type type) => type.GetElementType() ?? Nullable.GetUnderlyingType(type) ?? type;
}
