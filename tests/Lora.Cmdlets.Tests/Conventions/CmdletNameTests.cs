using System.Management.Automation;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Lora.Commands.Tests.Conventions;

public sealed class CmdletNameTests
{
    private static readonly HashSet<string> ApprovedVerbs =
    [
        .. new[] { typeof(VerbsCommon), typeof(VerbsCommunications), typeof(VerbsData), typeof(VerbsDiagnostic), typeof(VerbsLifecycle), typeof(VerbsOther), typeof(VerbsSecurity) }
            .SelectMany(verbs => verbs.GetFields(BindingFlags.Public | BindingFlags.Static))
            .Select(verb => (string)verb.GetValue(null)!),
    ];

    [Fact]
    public void There_are_cmdlets() => Assert.NotEmpty(Cmdlets.Types);

    [Fact]
    public void Verbs_are_approved() =>
        Assert.All(Cmdlets.Types, type => Assert.Contains(Cmdlets.Attribute(type).VerbName, ApprovedVerbs));

    [Fact]
    public void Nouns_are_singular_and_begin_with_the_module_s_prefix() =>
        Assert.All(Cmdlets.Types, type => Assert.Matches("^Lora[A-Z][A-Za-z]*[a-rt-z]$", Cmdlets.Attribute(type).NounName));

    [Fact]
    public void Classes_are_sealed_and_named_for_verb_and_noun_in_files_of_their_own() => Assert.All(Cmdlets.Types, type =>
    {
        CmdletAttribute attribute = Cmdlets.Attribute(type);
        Assert.Equal($"{attribute.VerbName}{attribute.NounName}Command", type.Name);
        Assert.Equal("Lora.Commands", type.Namespace);
        Assert.True(type.IsSealed);
        Assert.True(File.Exists(Path.Combine(Repository.Root, "src", "Lora.Cmdlets", "Commands", type.Name + ".cs")));
    });

    [Fact]
    public void The_manifest_exports_every_cmdlet()
    {
        string manifest = File.ReadAllText(Repository.Manifest);

        Assert.All(Cmdlets.Names, name => Assert.Matches($"CmdletsToExport[^)]*'{Regex.Escape(name)}'", manifest));
    }

    // What was published cannot be called back.
    [Fact]
    public void The_impact_that_asks_for_confirmation_is_left_alone_but_for_publishing() => Assert.All(
        Cmdlets.Types.Where(type => Cmdlets.Attribute(type).SupportsShouldProcess),
        type => Assert.Equal(Cmdlets.Attribute(type).VerbName == VerbsData.Publish ? ConfirmImpact.High : ConfirmImpact.Medium, Cmdlets.Attribute(type).ConfirmImpact));

    [Fact]
    public void Output_types_are_declared() =>
        Assert.All(Cmdlets.Types, type => Assert.NotEmpty(type.GetCustomAttributes<OutputTypeAttribute>().SelectMany(attribute => attribute.Type)));
}
