using System.Management.Automation;
using System.Reflection;
using Lora.Tools.Help;

namespace Lora.Commands.Tests.Help;

/// <summary>The pages say of each parameter what the code says, for every cmdlet that is exported.</summary>
public sealed class AgreementTests(HostedShell shell) : IClassFixture<HostedShell>
{
    public static TheoryData<string> Names { get; } = [.. Cmdlets.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_syntax_is_that_of_the_parameter_sets(string name) => Assert.Equal(
        Command(name).ParameterSets.Select(set => new HelpSyntax(set.Name, set.IsDefault, $"{name} {set}")),
        Page(name).Syntax);

    [Theory]
    [MemberData(nameof(Names))]
    public void Types_sets_and_aliases_agree(string name) => Agree(
        name,
        parameter => (TypeName(parameter), Sets(name, parameter), string.Join(", ", parameter.Aliases)),
        facts => (facts.Type, string.Join(", ", facts.Sets), string.Join(", ", facts.Aliases)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Who_must_give_what_and_where_agrees(string name) => Agree(
        name,
        parameter => (Set(parameter).IsMandatory, Set(parameter).Position < 0 ? "Named" : $"{Set(parameter).Position}", Pipeline(Set(parameter))),
        facts => (facts.IsRequired, facts.Position, facts.PipelineInput));

    [Theory]
    [MemberData(nameof(Names))]
    public void Wildcards_and_accepted_values_agree(string name) => Agree(
        name,
        parameter => (parameter.Attributes.Any(attribute => attribute is SupportsWildcardsAttribute), string.Join(", ", Values(Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType))),
        facts => (facts.AcceptsWildcards, string.Join(", ", facts.AcceptedValues)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Defaults_agree(string name)
    {
        ParameterDefaults defaults = new(Command(name).ImplementingType);

        Agree(name, defaults.Of, facts => facts.Default);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Outputs_agree_with_what_the_cmdlet_declares(string name) => Assert.Equal(
        Command(name).ImplementingType.GetCustomAttributes<OutputTypeAttribute>().SelectMany(attribute => attribute.Type).Select(type => type.Type.FullName),
        Page(name).Outputs.Select(output => output.Name));

    private void Agree<T>(string name, Func<ParameterMetadata, T> code, Func<HelpParameterFacts, T> page) => Assert.Equal(
        Command(name).Parameters.Values
            .Where(parameter => !Cmdlet.CommonParameters.Contains(parameter.Name))
            .OrderBy(parameter => parameter.Name, StringComparer.Ordinal)
            .Select(parameter => (parameter.Name, code(parameter))),
        Page(name).Parameters.Select(parameter => (parameter.Name, page(parameter.Facts))));

    private CmdletInfo Command(string name) => (CmdletInfo)shell.Run("Get-Command " + name).Succeeded().Output.Single().BaseObject;

    private static HelpPage Page(string name) => HelpSource.Pages.Single(page => page.Name == name);

    // A parameter says the same in each of its sets; where it did not, one line of the page could not say it.
    private static ParameterSetMetadata Set(ParameterMetadata parameter) =>
        parameter.ParameterSets.Values.DistinctBy(set => (set.IsMandatory, set.Position, Pipeline(set))).Single();

    private string Sets(string command, ParameterMetadata parameter) => parameter.ParameterSets.ContainsKey(ParameterAttribute.AllParameterSets)
        ? "(All)"
        : string.Join(", ", Command(command).ParameterSets.Select(set => set.Name).Where(parameter.ParameterSets.ContainsKey));

    private static string Pipeline(ParameterSetMetadata set) => (set.ValueFromPipeline, set.ValueFromPipelineByPropertyName) switch
    {
        (true, true) => "True (ByValue, ByPropertyName)",
        (true, false) => "True (ByValue)",
        (false, true) => "True (ByPropertyName)",
        _ => "False",
    };

    private static string TypeName(ParameterMetadata parameter)
    {
        Type type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        string name = LanguagePrimitives.ConvertTo<string>(type);
        return parameter.SwitchParameter ? nameof(SwitchParameter) : name[(name.LastIndexOf('.') + 1)..];
    }

    private static string[] Values(Type type) => type.IsEnum ? Enum.GetNames(type) : [];
}
